"""`python -m alphanet.cli …`: the same as `python -m alphanet …`."""

from alphanet.cli import main

if __name__ == "__main__":
    main()
