-- People whom a city names as related to the organisers, so that the fairness figures can say how many of them registered and won. Campaign
-- owns this table. Only keyed indexes of document numbers are kept; what was filed stays, so that nobody is taken off once the result is known.

CREATE TABLE related_people (
    campaign_id    BIGINT NOT NULL,
    document_index BLOB NOT NULL,
    linked_index   BLOB,
    source         VARCHAR(100) NOT NULL,
    filed_at       BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, document_index),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);

CREATE TRIGGER related_people_no_update BEFORE UPDATE ON related_people
BEGIN
    SELECT RAISE(ABORT, 'related_people is append-only');
END;

CREATE TRIGGER related_people_no_delete BEFORE DELETE ON related_people
BEGIN
    SELECT RAISE(ABORT, 'related_people is append-only');
END;
