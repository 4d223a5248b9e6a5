"""Archives that are not trusted (zip, tar): their directories, and their members one by one, within limits."""
