-- Campaign owns this table: the certificates of people who deleted their own data, one for each entry, without identity. The entry says
-- nothing about the person, and digest is of a sealed text that is gone. The note is the signed certificate.

CREATE TABLE personal_deletions (
    id          BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    entry       BINARY(32) NOT NULL,
    done_at     BIGINT NOT NULL,
    digest      BINARY(32) NOT NULL,
    note        TEXT NOT NULL,
    UNIQUE (campaign_id, entry),
    KEY personal_deletions_campaign (campaign_id, id),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
