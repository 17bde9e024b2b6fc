"""`python -m culturechat` is `culturechat`."""

from culturechat.cli import main

if __name__ == "__main__":
    main()
