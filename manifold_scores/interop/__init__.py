"""Other libraries, each imported when it is used."""
