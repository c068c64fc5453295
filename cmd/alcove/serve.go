package main

import (
	"errors"
	"log/slog"
)

var logLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

func runServe(t terminal, args []string) error { return errors.New("not wired") }
func runDev(t terminal, args []string) error   { return errors.New("not wired") }
