#!/bin/sh
# Stands in for the printer: what it was told, as a PDF by its first line.
echo '%PDF-1.7'
echo "$*"
exec cat
