"""docs/postman/: written from the API's description (`make postman`), and sent to a demo by newman."""
