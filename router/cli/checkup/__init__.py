"""What `pennyroute doctor` looks at: each part of a set-up answers rows that say what is and what to do."""
