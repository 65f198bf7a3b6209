"""Views: other shapes of an archive's posts, each rebuilt from posts and blobs alone."""
