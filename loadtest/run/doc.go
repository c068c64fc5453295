// Package run carries a scenario out and writes its report.
//
//	Run ──► rooms open over the ramp ──► all see and hear all ──► the window: script, one sample a second ──► all leave ──► Report
//	           │ one goroutine each                                    │
//	           └─ client.Member …                                      └─ client.Group.Take, /proc, metrics of the daemon
//
// Numbers are of the window only: joining is measured by itself. Whatever ends a run early, the operator included, leaves a
// report of what was measured until then.
package run
