"""A model as a thing: on disk, taken over from elsewhere, made here, its shape, and the memory it needs."""
