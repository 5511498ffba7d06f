"""The README's twenty lines: train, evaluate, recommend, save, export."""

import tfprompt as tp  # first: selects the Keras that TFRS needs

data = tp.data.load("movielens-100k")  # or tp.data.read("interactions.csv", items="items.csv")
split = data.leave_one_out()
encoder = tp.PromptedEncoder.from_preset(
    "all-minilm-l6-v2",  # a KerasHub preset, a Hugging Face directory, or a packaged model
    template="{soft:8} a {age} year old {occupation} who liked these films will like {history:items}",
    prompt_layer=5,
)
model = tp.Retriever(encoder, data.items)
model.compile()
model.fit(split.train, validation_data=split.validation, epochs=6)
print(tp.evaluate(model, split.test))  # all items ranked, seen items excluded, beside baselines
for film in tp.recommend(model, wish="slow science fiction with robots"):
    print(film.title)
model.save_prompts("prompts/movielens")  # a megabyte
model.export("models/movielens/1")  # SavedModel for TensorFlow Serving
