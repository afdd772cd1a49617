-- Campaign owns this table: what a phone has used up of its tries at codes and of the codes sent to it, in a window that began with the
-- first, counted for all replicas together. Who is the phone's keyed index. A job removes rows whose window is over.

CREATE TABLE attempts (
    what     VARCHAR(24) NOT NULL,
    who      BLOB NOT NULL,
    began_at BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    PRIMARY KEY (what, who)
);

CREATE INDEX attempts_began ON attempts (what, began_at);
