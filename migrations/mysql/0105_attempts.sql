-- Campaign owns this table: what a phone has used up of its tries at codes and of the codes sent to it, in a window that began with the
-- first, counted for all replicas together. Who is the phone's keyed index. A job removes rows whose window is over.

CREATE TABLE attempts (
    what     VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    who      BINARY(32) NOT NULL,
    began_at BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    PRIMARY KEY (what, who),
    KEY attempts_began (what, began_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
