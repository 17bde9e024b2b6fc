-- Times are UTC in ISO 8601 with milliseconds, so that their order is that of their letters.
CREATE TABLE chat (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    created TEXT NOT NULL,
    changed TEXT NOT NULL,
    trashed TEXT,
    -- Cultures of the columns with commas between, so that a list of chats needs no other table.
    columns TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX chat_by_change ON chat (changed, id);

-- Who answers in a column; a chat that is continued with other models gets further ones.
CREATE TABLE voice (
    id INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL REFERENCES chat ON DELETE CASCADE,
    culture TEXT NOT NULL,
    form TEXT NOT NULL,
    model TEXT NOT NULL,
    base TEXT NOT NULL,
    base_sha256 TEXT NOT NULL,
    adapter TEXT NOT NULL,
    adapter_sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX voice_by_chat ON voice (chat);

CREATE TABLE turn (
    id INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL REFERENCES chat ON DELETE CASCADE,
    question TEXT NOT NULL,
    asked TEXT NOT NULL
) STRICT;
CREATE INDEX turn_by_chat ON turn (chat);

-- An answer is `unfinished` from its first moment until its end is known, so nothing has to be repaired after a crash.
CREATE TABLE answer (
    id INTEGER PRIMARY KEY,
    turn INTEGER NOT NULL REFERENCES turn ON DELETE CASCADE,
    voice INTEGER NOT NULL REFERENCES voice ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    sampling TEXT NOT NULL,
    context INTEGER NOT NULL,
    apart INTEGER NOT NULL,
    engine TEXT NOT NULL,
    messages TEXT NOT NULL,
    begun TEXT NOT NULL,
    ended TEXT,
    text TEXT NOT NULL DEFAULT '',
    finish TEXT NOT NULL DEFAULT 'unfinished'
        CHECK (finish IN ('unfinished', 'stop', 'length', 'cancelled', 'failed')),
    error TEXT NOT NULL DEFAULT '',
    tokens INTEGER,
    tokens_per_second REAL,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    shared_batch INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX answer_by_turn ON answer (turn);
CREATE INDEX answer_by_voice ON answer (voice);
CREATE INDEX answer_unfinished ON answer (id) WHERE finish = 'unfinished';

-- Texts as they are searched: without case, diacritics and forms of presentation. `origin` is the row in `source`.
CREATE TABLE passage (
    id INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL REFERENCES chat ON DELETE CASCADE,
    source TEXT NOT NULL CHECK (source IN ('title', 'question', 'answer')),
    origin INTEGER NOT NULL,
    folded TEXT NOT NULL,
    UNIQUE (source, origin)
) STRICT;
CREATE INDEX passage_by_chat ON passage (chat);
CREATE VIRTUAL TABLE passage_index USING fts5 (
    folded, content = 'passage', content_rowid = 'id', tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER passage_added AFTER INSERT ON passage BEGIN
    INSERT INTO passage_index (rowid, folded) VALUES (new.id, new.folded);
END;
CREATE TRIGGER passage_removed AFTER DELETE ON passage BEGIN
    INSERT INTO passage_index (passage_index, rowid, folded) VALUES ('delete', old.id, old.folded);
END;
CREATE TRIGGER passage_changed AFTER UPDATE ON passage BEGIN
    INSERT INTO passage_index (passage_index, rowid, folded) VALUES ('delete', old.id, old.folded);
    INSERT INTO passage_index (rowid, folded) VALUES (new.id, new.folded);
END;
