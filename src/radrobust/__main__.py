"""`python -m radrobust` is the command `radrobust`."""

from radrobust.cli import main

main()
