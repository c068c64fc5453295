// Package demotest runs the demo as a process of its own, to be killed and started again, and speaks to it as the page does.
package demotest
