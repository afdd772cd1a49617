CREATE TABLE job_runs (
  id          INTEGER PRIMARY KEY,
  job         VARCHAR(64) NOT NULL,
  started_at  BIGINT NOT NULL,
  finished_at BIGINT NOT NULL DEFAULT 0,
  done_rows   BIGINT NOT NULL DEFAULT 0,
  error       VARCHAR(500) NOT NULL DEFAULT '',
  run_by      VARCHAR(64) NOT NULL
);

CREATE INDEX job_runs_job ON job_runs (job, id);
