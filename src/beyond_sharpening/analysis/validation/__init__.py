"""Does the analysis find what was put in? Worlds in which base and policy are exact, and studies of them."""
