"""`python -m portbook` is the program `portbook`."""

from portbook.faces.cli import main

if __name__ == "__main__":
    main()
