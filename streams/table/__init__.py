"""The table `pairs`: its owners, its store on disk, its decision log, and how it comes back."""
