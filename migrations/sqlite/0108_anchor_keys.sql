-- The public half of the key that signed an anchor (a C2SP verifier key), so that it verifies after the key was changed too. It is '' of
-- anchors from before this column.

ALTER TABLE audit_anchors ADD COLUMN vkey VARCHAR(300) NOT NULL DEFAULT '';
