-- How often what happened in which hour, of all gateways together.

-- +goose Up

CREATE TABLE hourly (
	hour BIGINT NOT NULL, -- its beginning
	name TEXT   NOT NULL,
	n    BIGINT NOT NULL,
	PRIMARY KEY (hour, name)
);
