#!/bin/sh
# Stands in for a printer without a font.
cat > /dev/null
echo 'no font has the letters 电能' >&2
echo 'install fonts-wqy-microhei' >&2
exit 1
