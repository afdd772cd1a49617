-- +goose Up
-- What was deleted of a campaign's personal data, when and by whom; of each kind once. A deletion of many rows goes on over several runs: digest is
-- then of what has gone so far. The note is the signed certificate.

CREATE TABLE deletions (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id   BIGINT NOT NULL,
    kind          VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status        VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    requested_by  VARCHAR(64) NOT NULL,
    decided_by    VARCHAR(64) NOT NULL,
    approval_id   BIGINT NOT NULL,
    began_at      BIGINT NOT NULL,
    done_at       BIGINT NOT NULL,
    last_id       BIGINT NOT NULL,
    registrations BIGINT NOT NULL,
    evidence      BIGINT NOT NULL,
    digest        BINARY(32) NOT NULL,
    note          TEXT NOT NULL,
    UNIQUE (campaign_id, kind),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id),
    CHECK (kind IN ('unselected', 'key')),
    CHECK (status IN ('running', 'done'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
