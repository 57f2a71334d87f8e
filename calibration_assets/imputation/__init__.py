"""What records lack and every clone needs: draws of who takes up a programme."""
