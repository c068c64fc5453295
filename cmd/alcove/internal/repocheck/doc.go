// Package repocheck has only tests: the architecture, the style, the dependencies, the documents and the files of deploy.
package repocheck
