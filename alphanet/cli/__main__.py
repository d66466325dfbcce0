"""`python -m alphanet.cli …`: the same as the installed command, for commands that start others."""

from alphanet.cli import main

if __name__ == "__main__":
    main()
