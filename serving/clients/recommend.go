// Asks a served model for items. The standard library alone.
//
//	go run serving/clients/recommend.go http://127.0.0.1:8501 demo \
//	    '{"history": ["50", "181"], "age": 31, "k": 10}'
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Input is one input of the signature recommend.
type Input struct {
	Type  string `json:"dtype"`
	Shape struct {
		Dim []struct{} `json:"dim"`
	} `json:"tensor_shape"`
}

// Item is one result.
type Item struct {
	ID    string
	Score float64
}

// Client keeps its connections; make one and use it for all requests.
type Client struct {
	Endpoint, Model string
	HTTP            *http.Client
}

// Inputs reads which inputs there are; once is enough.
func (c *Client) Inputs() (map[string]Input, error) {
	var answer struct {
		Metadata struct {
			SignatureDef struct {
				SignatureDef map[string]struct {
					Inputs map[string]Input `json:"inputs"`
				} `json:"signature_def"`
			} `json:"signature_def"`
		} `json:"metadata"`
	}
	response, err := c.HTTP.Get(c.Endpoint + "/v1/models/" + c.Model + "/metadata")
	if err != nil {
		return nil, err
	}
	err = read(response, &answer)
	return answer.Metadata.SignatureDef.SignatureDef["recommend"].Inputs, err
}

// Recommend returns the best items, best first.
func (c *Client) Recommend(inputs map[string]Input, given map[string]json.RawMessage) ([]Item, error) {
	for name := range given {
		if _, ok := inputs[name]; !ok {
			return nil, fmt.Errorf("the model has no input %s", name)
		}
	}
	var row bytes.Buffer
	for name, input := range inputs {
		if row.Len() > 0 {
			row.WriteByte(',')
		}
		fmt.Fprintf(&row, "%q:", name)
		if len(input.Shape.Dim) == 2 {
			// A server that batches fills shorter rows with the first element: let it be padding.
			var values []json.RawMessage
			if err := json.Unmarshal(or(given[name], "[]"), &values); err != nil {
				return nil, fmt.Errorf("%s is a list: %w", name, err)
			}
			row.WriteString("[" + neutral("", input.Type))
			for _, value := range values {
				row.WriteByte(',')
				row.Write(value)
			}
			row.WriteByte(']')
			continue
		}
		row.Write(or(given[name], neutral(name, input.Type)))
	}
	body := `{"signature_name":"recommend","instances":[{` + row.String() + `}]}`
	response, err := c.HTTP.Post(
		c.Endpoint+"/v1/models/"+c.Model+"/labels/stable:predict", "application/json",
		bytes.NewBufferString(body))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Predictions []struct {
			IDs    []string  `json:"item_ids"`
			Scores []float64 `json:"scores"`
		} `json:"predictions"`
	}
	if err := read(response, &answer); err != nil {
		return nil, err
	}
	if len(answer.Predictions) != 1 || len(answer.Predictions[0].IDs) != len(answer.Predictions[0].Scores) {
		return nil, fmt.Errorf("not the answer of recommend")
	}
	var items []Item
	for i, id := range answer.Predictions[0].IDs {
		if id != "" { // where fewer items are left than were asked for, the ids end in ""
			items = append(items, Item{id, answer.Predictions[0].Scores[i]})
		}
	}
	return items, nil
}

// neutral stands for "not given", as JSON: every input has to be sent. The server reads NaN.
func neutral(name, kind string) string {
	switch {
	case kind == "DT_STRING":
		return `""`
	case kind == "DT_FLOAT":
		return "NaN"
	case name == "timestamp":
		return strconv.FormatInt(time.Now().Unix(), 10)
	}
	return "0"
}

func or(given json.RawMessage, otherwise string) []byte {
	if given != nil {
		return given
	}
	return []byte(otherwise)
}

func read(response *http.Response, into any) error {
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d: %s", response.StatusCode, text)
	}
	return json.Unmarshal(text, into)
}

func argument(number int, otherwise string) string {
	if len(os.Args) > number {
		return os.Args[number]
	}
	return otherwise
}

func run() error {
	timeout := 2 * time.Second
	if seconds, err := strconv.ParseFloat(os.Getenv("TIMEOUT_S"), 64); err == nil {
		timeout = time.Duration(seconds * float64(time.Second))
	}
	client := &Client{argument(1, "http://127.0.0.1:8501"), argument(2, "demo"), &http.Client{Timeout: timeout}}
	var given map[string]json.RawMessage
	if err := json.Unmarshal([]byte(argument(3, "{}")), &given); err != nil {
		return err
	}
	inputs, err := client.Inputs()
	if err != nil {
		return err
	}
	items, err := client.Recommend(inputs, given)
	for _, item := range items {
		fmt.Printf("%s\t%.4f\n", item.ID, item.Score)
	}
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "recommend:", err)
		os.Exit(1)
	}
}
