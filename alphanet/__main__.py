"""`python -m alphanet …`: the same as the installed command."""

from alphanet.cli import main

if __name__ == "__main__":
    main()
