#!/bin/sh
# Stands in for another program of the printer's name.
cat > /dev/null
echo 'hello'
