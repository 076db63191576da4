"""`python -m urban_segmentor` is the command line."""

from urban_segmentor.cli.main import main

if __name__ == "__main__":
    main()
