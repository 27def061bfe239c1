"""The book in a browser: pages, an API, and what stands guard before them."""
