-- internal/allowance owns this table: callers who have used up much of what they may ask, for all replicas together, each under its keyed
-- index and with the moment at which the whole allowance is there again. A job removes rows whose moment has passed.

CREATE TABLE allowances (
    who         BINARY(32) NOT NULL PRIMARY KEY,
    restored_at BIGINT NOT NULL,
    KEY allowances_restored (restored_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
