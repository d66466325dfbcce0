"""`python cli.py …` from a checkout: the same as the installed command `alphanet …`."""

from alphanet.cli import main

if __name__ == "__main__":
    main()
