"""Talks to TensorFlow Serving, and serves its protocol locally for development.

```python
with tp.serving.Client("localhost:8500", model="demo") as client:
    for item in client.recommend(history=["50", "181"], k=5).items:
        print(item.item_id, item.score)
```
"""
