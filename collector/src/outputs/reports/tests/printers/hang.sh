#!/bin/sh
# Stands in for a printer that does not end.
exec sleep 60
