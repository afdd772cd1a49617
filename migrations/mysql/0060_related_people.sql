-- People whom a city names as related to the organisers, so that the fairness figures can say how many of them registered and won. Campaign
-- owns this table. Only keyed indexes of document numbers are kept; what was filed stays, so that nobody is taken off once the result is known.

CREATE TABLE related_people (
    campaign_id    BIGINT NOT NULL,
    document_index BINARY(32) NOT NULL,
    linked_index   BINARY(32),
    source         VARCHAR(100) NOT NULL,
    filed_at       BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, document_index),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TRIGGER related_people_no_update BEFORE UPDATE ON related_people
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'related_people is append-only';

CREATE TRIGGER related_people_no_delete BEFORE DELETE ON related_people
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'related_people is append-only';
