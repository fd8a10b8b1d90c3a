package pglimit

// createSQL: the table is unlogged, because its content is worth nothing after
// a crash of the database, and has room in its pages, because its few rows are
// written all the time.
const createSQL = `CREATE UNLOGGED TABLE IF NOT EXISTS %s (
	app          text NOT NULL,
	shop         text NOT NULL,
	level        double precision NOT NULL,
	at           double precision NOT NULL,
	maximum      double precision NOT NULL,
	restore      double precision NOT NULL,
	in_flight    double precision NOT NULL DEFAULT 0,
	settled      double precision NOT NULL DEFAULT 0,
	wanted        double precision NOT NULL DEFAULT 0,
	wanted_by     text NOT NULL DEFAULT '',
	wanted_urgent boolean NOT NULL DEFAULT false,
	wanted_until  double precision NOT NULL DEFAULT 0,
	granted       boolean NOT NULL DEFAULT false,
	need          double precision NOT NULL DEFAULT 0,
	PRIMARY KEY (app, shop)
) WITH (fillfactor = 50)`

// takeSQL decides in one statement, under the row's lock: what a subquery reads
// of the row is read again when another process was faster. Points that are
// under way fade, for those whose process died.
//
// The columns wanted_… are the place that a refused request holds: held is what
// this request must leave to another one, mine whether the place is, or may
// become, its own.
const takeSQL = `UPDATE %s AS t
SET (level, at, in_flight, wanted, wanted_by, wanted_urgent, wanted_until, granted, need) = (
	SELECT
		CASE WHEN g THEN lvl - $4::float8 ELSE lvl END,
		n,
		fl + CASE WHEN g THEN $4::float8 ELSE 0 END,
		CASE WHEN mine THEN $4::float8 ELSE t.wanted END,
		CASE WHEN mine THEN $7::text ELSE t.wanted_by END,
		CASE WHEN mine THEN $6::boolean ELSE t.wanted_urgent END,
		CASE WHEN NOT mine THEN t.wanted_until WHEN g THEN 0 ELSE n + GREATEST(0, total - lvl) / t.restore + 0.5 END,
		g,
		total
	FROM (
		SELECT n, n < t.wanted_until AS taken,
			LEAST(t.maximum, t.level + t.restore * GREATEST(0, n - t.at)) AS lvl,
			t.in_flight * exp(-GREATEST(0, n - t.at) / 60) AS fl
		FROM (SELECT COALESCE($3::float8, extract(epoch FROM clock_timestamp())::float8) AS n) AS clock
	) AS now,
	LATERAL (
		SELECT $7::text <> '' AND (NOT taken OR t.wanted_by = $7::text OR $6::boolean AND NOT t.wanted_urgent) AS mine,
			LEAST(t.maximum, $4::float8 + $5::float8 +
				CASE WHEN taken AND t.wanted_by <> $7::text AND (t.wanted_urgent OR NOT $6::boolean) THEN t.wanted ELSE 0 END) AS total
	) AS place,
	LATERAL (SELECT lvl >= total AS g) AS decision
)
WHERE app = $1 AND shop = $2
RETURNING granted, at, settled, CASE WHEN granted THEN 0 ELSE GREATEST(0.005, (need - level) / restore) END`

// settleSQL sets the row right by an answer. Answers overtake each other: what
// one says of the level holds within bounds, see the limiter of package
// shopify, which does the same for one process.
const settleSQL = `UPDATE %s AS t
SET (level, at, in_flight, settled, maximum, restore) = (
	SELECT
		CASE
			WHEN NOT $7::boolean THEN CASE WHEN $12::boolean THEN LEAST(t.maximum, lvl + $4::float8) ELSE lvl END
			WHEN t.maximum = $10::float8 AND t.restore = $11::float8 AND lvl + unused <= most THEN GREATEST(least, lvl + unused)
			ELSE least
		END,
		n, fl, t.settled + CASE WHEN $12::boolean THEN 0 ELSE $4::float8 END,
		CASE WHEN $7::boolean THEN $10::float8 ELSE t.maximum END,
		CASE WHEN $7::boolean THEN $11::float8 ELSE t.restore END
	FROM (
		SELECT n,
			LEAST(t.maximum, t.level + t.restore * GREATEST(0, n - t.at)) AS lvl,
			GREATEST(0, t.in_flight * exp(-GREATEST(0, n - t.at) / 60) - $4::float8) AS fl,
			GREATEST(0, t.settled - $6::float8) AS meanwhile,
			GREATEST(0, $4::float8 - $8::float8) AS unused
		FROM (SELECT COALESCE($3::float8, extract(epoch FROM clock_timestamp())::float8) AS n) AS clock
	) AS now,
	LATERAL (
		SELECT LEAST(GREATEST(0, $9::float8 - fl - meanwhile), $10::float8) AS least,
			LEAST($9::float8 + $11::float8 * GREATEST(0, n - $5::float8) + 1, $10::float8) AS most
	) AS bounds
)
WHERE app = $1 AND shop = $2`

// learnSQL makes the row of a shop of which nothing was known.
const learnSQL = `INSERT INTO %s (app, shop, at, level, maximum, restore)
VALUES ($1, $2, COALESCE($3::float8, extract(epoch FROM clock_timestamp())::float8), $4, $5, $6)
ON CONFLICT (app, shop) DO NOTHING`
