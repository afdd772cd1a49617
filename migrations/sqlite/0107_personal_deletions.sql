-- Campaign owns this table: the certificates of people who deleted their own data, one for each entry, without identity. The entry says
-- nothing about the person, and digest is of a sealed text that is gone. The note is the signed certificate.

CREATE TABLE personal_deletions (
    id          INTEGER PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    entry       BLOB NOT NULL,
    done_at     BIGINT NOT NULL,
    digest      BLOB NOT NULL,
    note        TEXT NOT NULL,
    UNIQUE (campaign_id, entry),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);
CREATE INDEX personal_deletions_campaign ON personal_deletions (campaign_id, id);
