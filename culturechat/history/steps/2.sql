-- What somebody thought of an answer before it was told whose it was.
CREATE TABLE judgement (
    answer INTEGER PRIMARY KEY REFERENCES answer ON DELETE CASCADE,
    at TEXT NOT NULL,
    place INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    guess TEXT NOT NULL,
    best INTEGER NOT NULL
) STRICT;
