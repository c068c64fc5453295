package main

import (
	"errors"
	"fmt"
)

func compareCommand(terminal, []string) error  { return errors.New("to come") }
func capacityCommand(terminal, []string) error { return fmt.Errorf("to come") }
func relayCommand(terminal, []string) error    { return errors.New("to come") }
