-- internal/allowance owns this table: callers who have used up much of what they may ask, for all replicas together, each under its keyed
-- index and with the moment at which the whole allowance is there again. A job removes rows whose moment has passed.

CREATE TABLE allowances (
    who         BLOB NOT NULL PRIMARY KEY,
    restored_at BIGINT NOT NULL
);

CREATE INDEX allowances_restored ON allowances (restored_at);
