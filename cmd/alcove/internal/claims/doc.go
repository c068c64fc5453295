// Package claims has the forms in which tokens are written and passed on outside the daemon: claims as text, and the link to the page.
package claims
