-- Version 1. Paths are bytes, as the file system has them; times of change in nanoseconds since 1970.
-- What is said of a content (SHA-256 of the bytes of a file), by one setup (models, smoothing, version of the program).
CREATE TABLE analysis (
    content BLOB NOT NULL,
    setup BLOB NOT NULL,
    -- SHA-256 of the decoded samples: the same for files that differ in their tags or containers alone.
    audio BLOB,
    duration_s REAL,
    rate_hz INTEGER,
    channels INTEGER,
    decoder TEXT,
    state TEXT,
    genre TEXT,
    confidence REAL,
    familiarity REAL,
    -- The report as `attune analyze --json` has it; its path is that of the file that was analysed first.
    report TEXT,
    warnings INTEGER NOT NULL DEFAULT 0,
    -- Why it could not be analysed.
    error_kind TEXT,
    error TEXT,
    analyzed_at INTEGER NOT NULL,
    PRIMARY KEY (content, setup)
) WITHOUT ROWID;
CREATE INDEX analysis_audio ON analysis (audio);

CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    -- NULL: it cannot be read, and `error` says why.
    content BLOB,
    setup BLOB NOT NULL,
    error TEXT,
    -- When it was found to be gone; NULL: it is there.
    missing_since INTEGER,
    added_at INTEGER NOT NULL
);
CREATE INDEX file_content ON file (content);

CREATE VIEW track AS
SELECT
    file.id AS id,
    file.path AS path,
    file.size AS size,
    file.modified AS modified,
    file.missing_since AS missing_since,
    file.content AS content,
    analysis.audio AS audio,
    analysis.duration_s AS duration_s,
    analysis.rate_hz AS rate_hz,
    analysis.channels AS channels,
    analysis.decoder AS decoder,
    analysis.state AS state,
    analysis.genre AS genre,
    analysis.confidence AS confidence,
    analysis.familiarity AS familiarity,
    analysis.warnings AS warnings,
    coalesce(file.error, analysis.error) AS error,
    CASE WHEN file.error IS NOT NULL THEN 'unreadable' ELSE analysis.error_kind END AS error_kind,
    analysis.report AS report,
    (SELECT count(*) FROM analysis AS other JOIN file AS twin ON twin.content = other.content AND twin.setup = other.setup
     WHERE other.audio = analysis.audio AND other.setup = analysis.setup AND twin.missing_since IS NULL) AS copies
FROM file LEFT JOIN analysis ON analysis.content = file.content AND analysis.setup = file.setup;
