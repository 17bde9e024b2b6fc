-- An answer to a question that was put in other words afterwards: kept, but no longer part of the conversation.
ALTER TABLE answer ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;
