"""`python -m closecall` is the command `closecall`."""

from closecall.cli.main import main

if __name__ == "__main__":
    main()
