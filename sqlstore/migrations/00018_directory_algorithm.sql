-- What finds how the tokens of sites are signed, of which few say so.

-- +goose Up

CREATE INDEX directory_site_algorithm ON directory_site (algorithm) WHERE algorithm > '';
