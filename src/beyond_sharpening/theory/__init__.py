"""The statements of docs/theory.md, computed: ten propositions on listed policies, and trainings to a known optimum."""
