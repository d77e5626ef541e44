"""Backups: the journal and the documents in a folder or a bucket, and back again."""
