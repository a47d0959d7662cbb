"""What comes from elsewhere: verified, judged, stored; and what others hold."""
