"""`python -m rectune_dsl` is `rectune`."""

from rectune_dsl.cli import main

main()
