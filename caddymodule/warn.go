package caddymodule

func (a *App) warn() {}
